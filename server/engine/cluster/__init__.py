"""Drawing and learning on several machines: what a worker does, who is asked, and the engine that keeps them alive."""
