"""The report's sections, one module each: ``build(page) -> Section`` reads the inputs and registers its numbers."""
