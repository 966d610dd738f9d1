"""All that people and programs can ask of an Omega: one request, one result and one function for each command.

To add a command:

1. Write a frozen dataclass of the request (:class:`~omega_domain.commands.requests.OfObject` and others are bases) and
   one of the result. What their docstrings say of the attributes is in the schema. A field with ``metadata=ASIDE`` is
   in no JSON; one that is ``OMITTED`` by default is only there if it was asked for.
2. Write the function ``(om, request) -> result`` below ``@command("room.verb", right="…")``; its first line says what
   the command is for. One that needs no open store, such as on settings, takes a
   :class:`~omega_ml.commands.workplace.Workplace` in place of an Omega. The right is a template over the request:
   ``{store}:read@{bucket}/{plain_name}``. Say ``changes=True`` if it changes anything (requests with ``dry_run`` or
   ``only_reads`` set do not), and ``streams=`` if bytes or records flow beside the JSON. A request about another bucket
   or context has a method ``target(om)``.
3. Name it in the module's ``COMMANDS``, and a new module in ``MODULES`` of :mod:`omega_domain.commands.registry`, or of
   ``omega_ml.commands.registry`` if it needs settings, files or keys.
4. Test it through the registry. Give it a command line whose parameters are named as the fields of the request:
   ``@app.command("verb", cls=running("room.verb"))``, with ``output.answer(ctx, verb, Request(…))`` in it.
"""
