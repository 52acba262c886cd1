# syntax=docker/dockerfile:1

# Kith from its source: Node runs TypeScript as it is, so there is nothing to build but the dependencies.
FROM node:24-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm

FROM node:24-bookworm-slim
# All addresses of the container: nobody outside reaches them unless a port is published, which 3001, the operations
# listener, must not be.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 OPS_HOST=0.0.0.0 OPS_PORT=3001 DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules/
COPY package.json ./
COPY domain domain/
COPY application application/
COPY adapters adapters/
COPY composition composition/
COPY cli cli/
# Only the embedded database writes, and only there.
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
EXPOSE 3000 3001
# The process ends on SIGTERM within ten seconds; docker stop and compose must wait longer than that.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "cli/main.ts"]
CMD ["start"]
