"""From what is wanted and what is there to what is done: plan (pure), apply, loop."""
