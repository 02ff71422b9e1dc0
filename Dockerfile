# The host with its page, built in three stages and run in another as a user without rights.
FROM rust:1.95-bookworm AS document
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package crm-host \
    && target/release/crm-host openapi > /openapi.json

FROM node:22-bookworm-slim AS page
WORKDIR /page
COPY examples/host/web/package.json examples/host/web/package-lock.json examples/host/web/.npmrc ./
RUN npm ci --ignore-scripts
COPY examples/host/web/ ./
COPY --from=document /openapi.json ./
RUN npm run api && npm run build

FROM document AS build
COPY --from=page /page/dist examples/host/web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release --package crm-host --features web \
    && cp target/release/crm-host target/release/crm /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/crm crm
COPY --from=build /usr/local/bin/crm-host /usr/local/bin/crm /usr/local/bin/
USER crm
WORKDIR /var/lib/crm
ENV CRM_LISTEN=0.0.0.0:8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8000/readyz"]
ENTRYPOINT ["crm-host"]
