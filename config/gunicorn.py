"""How gunicorn serves the pages: `python -m gunicorn --config python:config.gunicorn config.wsgi --bind HOST:PORT`."""

from __future__ import annotations

from config.settings import LOGGING

workers = 2
threads = 4
# It would lie in the user's home, and nobody asks it anything.
control_socket_disable = True
# Its lines look like everybody's, and hold nobody's address. Requests are told of by requests.py.
logconfig_dict = LOGGING
