"""What MaintainX tells: its deliveries kept, forwarded in order, and polled for where they do not come."""
