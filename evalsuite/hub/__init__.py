"""GitHub: what a finished run tells a pull request, and how that is written there."""
