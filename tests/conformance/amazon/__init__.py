"""Our requests before what Amazon's own code expects of them."""
