# Latentwalk in a container that needs no root, no write access to itself and no GPU.
FROM python:3.11-slim AS build
# On x86, PyPI's torch brings several GB of CUDA along. To get the CPU build, name PyTorch's index of CPU wheels here.
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/latentwalk
WORKDIR /source
# Dependencies change less often than the code: they are a layer of their own.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; told = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
more = told['optional-dependencies']; print(*told['dependencies'], *more['ray'], *more['postgres'], sep='\n')" \
      > requirements.txt \
 && /opt/latentwalk/bin/pip install -c constraints.txt -r requirements.txt
COPY . .
RUN /opt/latentwalk/bin/pip install --no-deps .

FROM python:3.11-slim
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
