"""Training: the trainer, the module and its metrics."""
