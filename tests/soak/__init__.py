"""``make soak``: everything that takes too long for ``make test``, with new seeds, in parts of half an hour at most.

To repeat what failed::

    make soak PART=store SEED=123                                        # the part, as it was
    make soak PART=store SEED=123 ONLY='tests/faults/test_kill.py::...'  # the test alone, with the same seed

``.soak/log`` says which part, seed and tests that were; ``.soak/<part>.txt`` is all that was printed. What a seed
chooses is the same each time: moments of kills, mutations, examples of hypothesis. What the machine chooses is not: a
race may need several runs.

``make soak`` runs all parts. After an interrupt it goes on with those that were not done for this commit, with the same
seed; ``RESTART=1`` begins anew. A part that fails does not hold up the others. Exit codes: 0 all is well, 1 a part
failed or was not done in time, 130 interrupted.

To add a part, or a test to one, write a line into :data:`tests.soak.parts.PARTS`.
"""
