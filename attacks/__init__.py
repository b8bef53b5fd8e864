"""Inversight's measuring library: attacks, baselines, controls, intervals. Usable alone.

    from attacks.registry import registered
    from attacks.evaluate import evaluate

It knows nothing of Django, Celery or settings; importing it loads neither torch nor scikit-learn nor pandas.
"""
