// toxiproxy-java, which the module of Testcontainers is built on. Nothing of its own tests is published.
//
// TOXIPROXY_URL names the API, UPSTREAM a server that sends back what it gets. Run as a source file, without being compiled before.

import eu.rekawek.toxiproxy.Proxy;
import eu.rekawek.toxiproxy.ToxiproxyClient;
import eu.rekawek.toxiproxy.model.Toxic;
import eu.rekawek.toxiproxy.model.ToxicDirection;
import eu.rekawek.toxiproxy.model.toxic.Bandwidth;
import eu.rekawek.toxiproxy.model.toxic.Latency;
import eu.rekawek.toxiproxy.model.toxic.LimitData;
import eu.rekawek.toxiproxy.model.toxic.ResetPeer;
import eu.rekawek.toxiproxy.model.toxic.Slicer;
import eu.rekawek.toxiproxy.model.toxic.SlowClose;
import eu.rekawek.toxiproxy.model.toxic.Timeout;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

public class ToxiproxyJava {
    static final URI API = URI.create(System.getenv("TOXIPROXY_URL"));
    static final String UPSTREAM = System.getenv("UPSTREAM");
    /** Nothing that is waited for takes longer, even on a busy machine. */
    static final int PATIENCE = 30_000;

    static ToxiproxyClient client;
    static Proxy proxy;

    interface Test {
        void run() throws Exception;
    }

    public static void main(String[] args) throws Exception {
        Map<String, Test> tests = new LinkedHashMap<>();
        tests.put("proxies are made, listed, changed and deleted", ToxiproxyJava::proxies);
        tests.put("a disabled proxy refuses, and comes back on its port", ToxiproxyJava::disabled);
        tests.put("every toxic in both streams", ToxiproxyJava::everyToxic);
        tests.put("an update changes what it says", ToxiproxyJava::updates);
        tests.put("everything as it was", ToxiproxyJava::reset);
        tests.put("refusals", ToxiproxyJava::refusals);
        tests.put("a type that it does not know", ToxiproxyJava::unknownType);
        tests.put("latency is never early", ToxiproxyJava::latency);
        tests.put("silence, limits, resets and a late end", ToxiproxyJava::endings);
        tests.put("bandwidth 0 holds and loses nothing", ToxiproxyJava::held);
        for (Map.Entry<String, Test> test : tests.entrySet()) {
            // A client asks for every proxy that it has ever made, deleted or not.
            client = new ToxiproxyClient(API.getHost(), API.getPort());
            for (Proxy old : client.getProxies()) {
                old.delete();
            }
            proxy = client.createProxy("p", "localhost:0", UPSTREAM);
            test.getValue().run();
            System.out.println("ok " + test.getKey());
        }
    }

    static void proxies() throws Exception {
        holds(proxy.getListen().matches("127\\.0\\.0\\.1:[1-9]\\d*"), proxy.getListen());
        is(proxy.getUpstream(), UPSTREAM);
        is(proxy.isEnabled(), true);
        Proxy other = client.createProxy("127.0.0.1:80", "0.0.0.0:0", "x:1");
        holds(other.getListen().startsWith("[::]:"), other.getListen());
        List<String> names = new ArrayList<>();
        for (Proxy one : client.getProxies()) {
            names.add(one.getName());
        }
        is(names, List.of("127.0.0.1:80", "p"));
        is(client.getProxy("127.0.0.1:80").getUpstream(), "x:1");
        String listen = proxy.getListen();
        proxy.setUpstream("x:1");
        is(client.getProxy("p").getUpstream(), "x:1");
        is(proxy.getListen(), listen);
        proxy.setListen("127.0.0.1:0");
        holds(!proxy.getListen().equals(listen) && !proxy.getListen().endsWith(":0"), proxy.getListen());
        other.delete();
        is(client.getProxyOrNull("127.0.0.1:80"), null);
        holds(client.version().startsWith("{\"version\": \"2.12.0\""), client.version());
    }

    static void disabled() throws Exception {
        is(answer("hello"), "hello");
        String listen = proxy.getListen();
        proxy.disable();
        is(client.getProxy("p").isEnabled(), false);
        throwsIt(ConnectException.class, "Connection refused", () -> connect().close());
        proxy.enable();
        is(client.getProxy("p").isEnabled(), true);
        is(proxy.getListen(), listen);
        is(answer("hello"), "hello");
    }

    static void everyToxic() throws Exception {
        for (ToxicDirection stream : ToxicDirection.values()) {
            String end = "_" + stream.name().toLowerCase();
            Latency latency = proxy.toxics().latency("latency" + end, stream, 120).setJitter(7);
            is(List.of(latency.getLatency(), latency.getJitter()), List.of(120L, 7L));
            is(proxy.toxics().bandwidth("bandwidth" + end, stream, 64).getRate(), 64L);
            is(proxy.toxics().slowClose("slow_close" + end, stream, 40).getDelay(), 40L);
            is(proxy.toxics().timeout("timeout" + end, stream, 300).getTimeout(), 300L);
            Slicer slicer = proxy.toxics().slicer("slicer" + end, stream, 100, 50).setSizeVariation(10);
            is(List.of(slicer.getAverageSize(), slicer.getSizeVariation(), slicer.getDelay()), List.of(100L, 10L, 50L));
            is(proxy.toxics().resetPeer("reset_peer" + end, stream, 20).getTimeout(), 20L);
            is(proxy.toxics().limitData("limit_data" + end, stream, 4096).getBytes(), 4096L);

            latency = proxy.toxics().get("latency" + end, Latency.class);
            is(List.of(latency.getLatency(), latency.getJitter(), latency.getStream()), List.of(120L, 7L, stream));
            is(proxy.toxics().get("bandwidth" + end, Bandwidth.class).getRate(), 64L);
            is(proxy.toxics().get("slow_close" + end, SlowClose.class).getDelay(), 40L);
            is(proxy.toxics().get("timeout" + end, Timeout.class).getTimeout(), 300L);
            is(proxy.toxics().get("slicer" + end, Slicer.class).getSizeVariation(), 10L);
            is(proxy.toxics().get("reset_peer" + end, ResetPeer.class).getTimeout(), 20L);
            is(proxy.toxics().get("limit_data" + end, LimitData.class).getBytes(), 4096L);
        }
        is(proxy.toxics().getAll().size(), 14);
        for (Toxic toxic : proxy.toxics().getAll()) {
            holds(toxic.getName().endsWith("_" + toxic.getStream().name().toLowerCase()), toxic);
            is(toxic.getToxicity(), 1f);
            toxic.remove();
        }
        is(proxy.toxics().getAll().size(), 0);
    }

    static void updates() throws Exception {
        Latency slow = proxy.toxics().latency("slow", ToxicDirection.DOWNSTREAM, 100).setJitter(10);
        slow.setLatency(5);
        slow.setToxicity(0.5f);
        slow = proxy.toxics().get("slow", Latency.class);
        is(List.of(slow.getLatency(), slow.getJitter(), slow.getToxicity()), List.of(5L, 10L, 0.5f));
    }

    static void reset() throws Exception {
        proxy.toxics().timeout("t", ToxicDirection.UPSTREAM, 0);
        proxy.disable();
        client.reset();
        // It asks for each proxy that it has made, and takes in what it is told.
        is(proxy.isEnabled(), true);
        is(proxy.toxics().getAll().size(), 0);
        is(answer("hello"), "hello");
    }

    static void refusals() throws Exception {
        throwsIt(IOException.class, "[409] proxy already exists", () -> client.createProxy("p", "localhost:0", UPSTREAM));
        throwsIt(IOException.class, "[400] missing required field: name", () -> client.createProxy("", "localhost:0", UPSTREAM));
        throwsIt(IOException.class, "[400] missing required field: upstream", () -> client.createProxy("q", "localhost:0", ""));
        String taken = "[500] listen tcp " + proxy.getListen() + ": bind: address already in use";
        throwsIt(IOException.class, taken, () -> client.createProxy("q", proxy.getListen(), "x:1"));
        throwsIt(IOException.class, "[404] proxy not found", () -> client.getProxy("nope"));
        Toxic toxic = proxy.toxics().timeout("t", ToxicDirection.UPSTREAM, 0);
        String exists = "[409] toxic already exists";
        throwsIt(IOException.class, exists, () -> proxy.toxics().timeout("t", ToxicDirection.DOWNSTREAM, 0));
        toxic.remove();
        throwsIt(IOException.class, "[404] toxic not found", () -> toxic.setToxicity(1));
        throwsIt(IOException.class, "[404] toxic not found", () -> proxy.toxics().get("t"));
        // What it deletes in vain it takes for a file.
        throwsIt(FileNotFoundException.class, API + "/proxies/p/toxics/t", toxic::remove);
        proxy.delete();
        throwsIt(FileNotFoundException.class, API + "/proxies/p", proxy::delete);
        throwsIt(IOException.class, "[404] proxy not found", proxy::enable);
    }

    /** It knows neither noop nor what came later: one of these, and it can list nothing of this proxy, here as with Toxiproxy. */
    static void unknownType() throws Exception {
        HttpRequest add = HttpRequest.newBuilder(API.resolve("/proxies/p/toxics")).POST(BodyPublishers.ofString("{\"type\":\"noop\"}")).build();
        is(HttpClient.newHttpClient().send(add, BodyHandlers.ofString()).statusCode(), 200);
        throwsIt(IllegalArgumentException.class, "No enum constant eu.rekawek.toxiproxy.model.ToxicType.NOOP", proxy.toxics()::getAll);
        is(client.getProxies().size(), 1);
    }

    static void latency() throws Exception {
        proxy.toxics().latency("down", ToxicDirection.DOWNSTREAM, 120);
        proxy.toxics().latency("up", ToxicDirection.UPSTREAM, 80);
        long begin = System.nanoTime();
        is(answer("hello"), "hello");
        lasted(200, begin);
    }

    static void endings() throws Exception {
        Toxic toxic = proxy.toxics().timeout("t", ToxicDirection.DOWNSTREAM, 100);
        long begin = System.nanoTime();
        is(rest("lost"), "");
        lasted(100, begin);
        toxic.remove();
        toxic = proxy.toxics().limitData("t", ToxicDirection.DOWNSTREAM, 3);
        is(rest("hello"), "hel");
        toxic.remove();
        for (ToxicDirection stream : ToxicDirection.values()) {
            toxic = proxy.toxics().resetPeer("t", stream, 0);
            throwsIt(SocketException.class, "Connection reset", () -> rest("x"));
            toxic.remove();
        }
        proxy.toxics().slowClose("t", ToxicDirection.DOWNSTREAM, 150);
        try (Socket socket = connect()) {
            begin = System.nanoTime();
            socket.shutdownOutput();
            is(socket.getInputStream().read(), -1);
            lasted(150, begin);
        }
    }

    static void held() throws Exception {
        // As the module of Testcontainers cuts a connection.
        Toxic down = proxy.toxics().bandwidth("CUT_CONNECTION_DOWNSTREAM", ToxicDirection.DOWNSTREAM, 0);
        Toxic up = proxy.toxics().bandwidth("CUT_CONNECTION_UPSTREAM", ToxicDirection.UPSTREAM, 0);
        try (Socket socket = connect()) {
            socket.getOutputStream().write("held".getBytes());
            socket.setSoTimeout(150);
            throwsIt(SocketTimeoutException.class, "Read timed out", socket.getInputStream()::read);
            socket.setSoTimeout(PATIENCE);
            down.remove();
            up.remove();
            is(new String(socket.getInputStream().readNBytes(4)), "held");
        }
    }

    static Socket connect() throws IOException {
        int colon = proxy.getListen().lastIndexOf(':');
        Socket socket = new Socket();
        socket.setTcpNoDelay(true);
        socket.setSoTimeout(PATIENCE);
        int port = Integer.parseInt(proxy.getListen().substring(colon + 1));
        socket.connect(new InetSocketAddress(proxy.getListen().substring(0, colon), port), PATIENCE);
        return socket;
    }

    /** Sends this on a connection of its own, and reads as much. */
    static String answer(String said) throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(said.getBytes());
            return new String(socket.getInputStream().readNBytes(said.length()));
        }
    }

    /** Sends this and reads until the end. */
    static String rest(String said) throws IOException {
        try (Socket socket = connect()) {
            socket.getOutputStream().write(said.getBytes());
            return new String(socket.getInputStream().readAllBytes());
        }
    }

    static void lasted(long ms, long begin) {
        long took = (System.nanoTime() - begin) / 1000;
        holds(took >= ms * 1000, "too early: " + took + " us");
    }

    static void is(Object got, Object want) {
        holds(Objects.equals(got, want), "got " + got + ", want " + want);
    }

    static void holds(boolean it, Object otherwise) {
        if (!it) {
            throw new AssertionError(otherwise);
        }
    }

    static void throwsIt(Class<? extends Exception> kind, String message, Test test) throws Exception {
        try {
            test.run();
        } catch (Exception thrown) {
            is(thrown.getMessage(), message);
            holds(kind.isInstance(thrown), thrown);
            return;
        }
        throw new AssertionError("nothing was thrown: " + message);
    }
}
