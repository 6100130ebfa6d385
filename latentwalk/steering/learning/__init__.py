"""Learning a direction that imitates a transform: the objective, the optimiser, validation and the resume state."""
