"""One delivery: what was posted, try by try, and what came back."""
