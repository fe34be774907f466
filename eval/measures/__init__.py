"""The measures of one answer, one module a family; each formula is one function with its source."""
