"""How values of a library travel as JSON, in the arguments and results of tasks."""
