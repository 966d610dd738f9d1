"""All that people and programs can ask of an Omega: one request, one result and one function for each command."""
