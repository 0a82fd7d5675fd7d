"""Moving each function from inline to durable in stages, on evidence, and back."""
