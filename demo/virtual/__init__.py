"""Virtual participants: a head model, people, acting, painting, hair, rasteriser and videos."""
