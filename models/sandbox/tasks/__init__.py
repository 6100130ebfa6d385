"""What may run in a jail, one module a task; none of them may import torch."""
