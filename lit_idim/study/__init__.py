"""A study: the cells that it measures, the driver of their searches, its tables, and what else it leaves behind."""
