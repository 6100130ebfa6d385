"""Training images: composed avatars, image folders, and differentiable augmentation."""
