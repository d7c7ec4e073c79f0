# The image that Fargate runs: the code and its locked dependencies inside, as a user who owns none of it.
#
#   docker build --build-arg REVISION="$(git rev-parse HEAD)" --tag imaging-warehouse .
#
# To pin the base to its bytes, give its digest, which `docker buildx imagetools inspect python:TAG` shows:
#
#   docker build --build-arg PYTHON=3.11.14-slim-bookworm@sha256:DIGEST .
ARG PYTHON=3.11.14-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /app
RUN python -m venv /app/venv
# Dependencies come first: a change of the code does not fetch them again.
COPY requirements.lock ./
RUN /app/venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY . source/
# What installs is not needed to run.
RUN /app/venv/bin/pip install --no-cache-dir --no-deps ./source \
    && /app/venv/bin/pip uninstall --yes setuptools pip

FROM python:${PYTHON}
ARG REVISION=unknown
LABEL org.opencontainers.image.title="imaging-warehouse" \
      org.opencontainers.image.description="Turns a raw drop of DICOM and clinical files into a research data set" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 warehouse \
    && useradd --no-log-init --uid 10001 --gid 10001 --home-dir /nonexistent --no-create-home \
       --shell /usr/sbin/nologin warehouse
COPY --from=build /app/venv /app/venv
COPY bin/ /app/bin/
ENV PATH=/app/bin:/app/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1
WORKDIR /app
# By number, so that whoever runs it can tell that it is not root.
USER 10001:10001
# Nothing stands between the runtime and the command: env replaces itself by it. Any command will do:
# warehouseloader, submittingcentres, dataprocess, or `warehouse` and what belongs behind it.
ENTRYPOINT ["/usr/bin/env"]
CMD ["warehouseloader"]
