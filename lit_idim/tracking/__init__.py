"""What a study shows on W&B while it runs."""
