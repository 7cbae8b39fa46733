"""Walking on four legs: a gait layer that obeys the walk-these-ways command."""
