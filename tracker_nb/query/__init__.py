"""Questions asked of a store: one module a question. Nothing here writes."""
