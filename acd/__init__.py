"""Who answers: agents, skills, priorities, overflow, call-back list, three-way conference, supervision of live calls.

May import ``ami_bridge`` and ``hotline``. A call's own logic is dialplan (``asterisk-conf``), which needs no process of ours;
here people's orders are decided and written down, and what the dialplan tells is heard. By subject:

- agents: ``agents`` (tables), ``sessions`` (orders), ``membership`` and ``reconcile`` (the queues' members), ``missed``,
  ``shifts``, ``attendance``, ``telephones``
- routing: ``policy`` (pure), ``routing``, ``fairness`` (a simulated day)
- the call in hand: ``control`` (book), ``control_rules``, ``control_orders``, ``control_outbound``, ``control_callers``,
  ``control_steps``, ``quality``, ``pauses`` (of its recording)
- three-way calls: ``threeway_state``, ``threeway`` (decider), ``threeways`` (orders), ``threeway_steps``, ``threeway_store``,
  ``threeway_figures``; ``units`` and ``unit_numbers`` (whom to dial), ``drafts`` (what is left to be done)
- supervision: ``supervision`` (decider), ``supervision_orders``, ``supervision_book``, ``supervision_steps``
- call-backs: ``callbacks`` (the list), ``callback_rules``, ``callback_orders``
- in common: ``permissions``, ``orders``, ``errors``; ``steps`` (what the dialplan tells), ``areas`` (who hears which), ``parts``
"""
