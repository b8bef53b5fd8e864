"""The product's settings in a throw-away home: set before they are read, so no test touches a real installation."""

import atexit
import os
import shutil
import tempfile

_home = tempfile.mkdtemp(prefix="inversight-tests-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["INVERSIGHT_HOME"] = _home
os.environ["INVERSIGHT_HTTPS"] = "false"
for _name in ("DATABASE_URL", "SECRET_KEY", "SECRET_KEY_FILE", "DEBUG"):
    os.environ.pop(_name, None)
# The tests already run side by side; more threads per test only make them wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from config.settings import *  # noqa: E402, F403

# A file, as in a real home: SQLite's memory database answers "locked" at once where a file waits its turn.
DATABASES["default"]["TEST"] = {"NAME": os.path.join(_home, "test.sqlite3")}  # noqa: F405

# Making a password slow to guess is Django's work; waiting for it in every test proves nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
