# One image for the code location, the webserver and the daemon; docker-compose.yml says which it is to be.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /build
# The pins first: they change less often than the code, and this layer is the slow one.
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements.txt
COPY pyproject.toml README.md LICENSE dagster.yaml ./
COPY sql ./sql
COPY quant_platform ./quant_platform
RUN pip install --no-build-isolation --no-deps .

FROM python:3.12-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The folders exist and belong to the user before volumes are mounted on them: volumes take over their owner.
RUN useradd --system --uid 10001 --user-group --home-dir /srv/quant-platform platform \
    && install --directory --owner=platform --group=platform \
        /srv/quant-platform /srv/quant-platform/home \
        /srv/quant-platform/dagster /srv/quant-platform/dagster/storage
COPY --from=build /opt/venv /opt/venv
COPY dagster.yaml docker/workspace.yaml /srv/quant-platform/dagster/
USER platform
WORKDIR /srv/quant-platform
