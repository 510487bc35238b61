"""Many trainings: what to train, who trains it, and the report. It imports `api`, and no command.

`jobs` says what to train, `finding` which of it is there already, `work` does one job,
`executor` has the hook for whoever runs jobs, `local` runs them on this machine (`process` and
`worker` are its processes), as many at once as `sharing` times, `report` writes what came out and
`page` its HTML, `batch` does it all.
"""
