"""The integration of the story: a service with a health page whose jobs call MaintainX."""
