# One image for web, worker, beat and migrate; docker-compose.yml says which command each runs.
FROM python:3.11-slim-bookworm

# bubblewrap and libseccomp wall in the models that workers open (docs/operations.md says what the container must allow).
RUN apt-get update \
    && apt-get install -y --no-install-recommends bubblewrap libseccomp2 \
    && rm -rf /var/lib/apt/lists/*

# The build of torch without CUDA; name another index for a machine with a GPU.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN useradd --create-home --uid 10001 inversight \
    && install -d -o inversight -g inversight -m 700 /var/lib/inversight
WORKDIR /app

COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' constraints.txt)" \
    && pip install --no-cache-dir -c constraints.txt -r requirements.txt

COPY --chown=root:root . .

USER inversight
ENV INVERSIGHT_HOME=/var/lib/inversight \
    LOG_FORMAT=json \
    PYTHONUNBUFFERED=1
VOLUME /var/lib/inversight
EXPOSE 8000

CMD ["python", "-m", "gunicorn", "--config", "python:config.gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000"]
HEALTHCHECK --interval=10s --timeout=5s --retries=6 CMD ["python", "-m", "config.probe", "web"]
