"""Dashboards as code: a W&B workspace and report of a study."""
