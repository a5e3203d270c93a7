import type { NextConfig } from "next";

// A static export: the API serves it, so there is no Node in production and ids travel in the query.
const config: NextConfig = {
  output: "export",
  trailingSlash: true,
  images: { unoptimized: true },
  reactStrictMode: true,
  turbopack: { root: import.meta.dirname },
};

export default config;
