"""The page that shows runs beside one another."""
