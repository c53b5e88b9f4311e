"""One study from log to verdict, and what is said and saved of it."""
