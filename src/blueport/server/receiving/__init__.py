"""What daemons saw becomes rows and deliveries, each fact once."""
