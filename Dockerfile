# Latentwalk in a container that needs no root, no write access to itself and no GPU. The tag says what the digest is;
# the digest decides. For newer ones: docker buildx imagetools inspect python:3.11-slim
ARG PYTHON=python:3.11.16-slim@sha256:9c900dea9e8fb7e16277c179b555cc72d29a352dbc33cff48ad5a0412fd5bfc7
FROM ${PYTHON} AS build
# On x86, PyPI's torch brings several GB of CUDA along. For the CPU build, name PyTorch's index of CPU wheels here:
# torch alone is taken from it.
ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 \
    HASHED="--no-deps --require-hashes --only-binary :all:"
RUN python -m venv /opt/latentwalk
ENV PATH=/opt/latentwalk/bin:$PATH
WORKDIR /source
# Dependencies change less often than the code: they are layers of their own.
COPY locks locks
RUN pip install $HASHED -r locks/container.txt
RUN if [ -n "$TORCH_INDEX" ]; then PIP_INDEX_URL="$TORCH_INDEX" pip install $HASHED -r locks/torch-cpu.txt; \
    else pip install $HASHED -r locks/torch.txt; fi
COPY . .
RUN pip install --no-deps --no-build-isolation .

FROM ${PYTHON}
RUN useradd --uid 10001 --create-home --home-dir /home/latentwalk latentwalk \
 && install -d -o latentwalk -g latentwalk /data
COPY --from=build /opt/latentwalk /opt/latentwalk
ENV PATH=/opt/latentwalk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GOMP_SPINCOUNT=1000 \
    LATENTWALK_HOME=/data LATENTWALK_HOST=0.0.0.0 LATENTWALK_PORT=8000
USER latentwalk
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["latentwalk", "serve"]
