/** Lets an Express application listen on a free port of the loopback interface. */
export async function listen(app) {
  const server = await new Promise((resolve, reject) => {
    const starting = app.listen(0, "127.0.0.1", (error) => (error ? reject(error) : resolve(starting)));
  });
  const stop = () =>
    new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${server.address().port}`, stop };
}
