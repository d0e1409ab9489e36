"""A stand-in for Cal.com 6.x that speaks HTTP: API v2, signed webhooks and pages to click.

It knows nothing of the product it is used to test; the two meet over HTTP only.
Start it with `python -m calcom_simulator`; with `--state FILE` it goes on where it was. In a test:
`calcom_simulator.app.create_app(calcom_simulator.sample.sample_world())`.
Its switches are described in `calcom_simulator.control_api`, its faults in
`calcom_simulator.chaos`.
"""
