# In place of ghcr.io/openclaw/openclaw where that cannot be pulled: the npm package, with the user, the paths and the
# entry point of the official image.
FROM node:24-bookworm-slim
ARG OPENCLAW_TAG=2026.9.6
RUN npm install --prefix /opt/install --no-audit --no-fund "openclaw@${OPENCLAW_TAG}" \
 && mv /opt/install/node_modules/openclaw /app \
 && mkdir -p /app/node_modules \
 && cp -an /opt/install/node_modules/. /app/node_modules/ \
 && rm -rf /opt/install /root/.npm
WORKDIR /app
RUN mkdir -p /home/node/.openclaw && chown node:node /home/node/.openclaw && chmod 700 /home/node/.openclaw
USER node
CMD ["node", "openclaw.mjs", "gateway"]
