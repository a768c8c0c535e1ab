"""What wakes people: PagerDuty by its Events API, or any other pager that takes JSON at an address."""
