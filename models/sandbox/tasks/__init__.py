"""The sandbox's tasks, one module each, none of which imports torch. Another is `models.importing.sandbox_task`."""
