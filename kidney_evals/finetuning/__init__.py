"""From answers to an aligned model, and what that changed: samples, training, before and after."""
