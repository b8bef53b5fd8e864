"""Numbers with their doubt. No rate, difference or area leaves `attacks` without an interval, and no claim without a count of chances.

`rates` one rate · `mover` two estimates · `outcomes` guesses record by record · `people` several records a person ·
`resampling` bootstraps · `hypotheses` p-values · `multiplicity` many questions · `power` what could have been seen.
"""
