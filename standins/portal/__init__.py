"""The sandbox portal: a company's own app, whose customers write to the product and get its signed answers."""
