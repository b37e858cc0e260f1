// The HTTP client of Java. Does what each line of its input says, and tells in one line what a caller is shown: how long it took, then a status,
// body and mark, or the exception with those it came of.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

public class Clients {
    static final byte[] PATTERN = pattern();

    static byte[] pattern() {
        byte[] bytes = new byte[64 << 10];
        for (int at = 0; at < bytes.length; at++) bytes[at] = (byte) (at % 251);
        return bytes;
    }

    // `timeout=300 post=100 asks=2`: the last of several, which share their connections.
    static String ask(String to, String path, Map<String, Integer> options) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).proxy(ProxySelector.of(null)).build();
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://" + to + path));
        request.timeout(Duration.ofMillis(options.getOrDefault("timeout", 30_000)));
        if (options.containsKey("post")) request.POST(BodyPublishers.ofByteArray(new byte[options.get("post")]));
        for (int n = 1; n < options.getOrDefault("asks", 1); n++) client.send(request.build(), BodyHandlers.ofByteArray());
        return shown(client.send(request.build(), BodyHandlers.ofByteArray()));
    }

    static String shown(HttpResponse<byte[]> answer) {
        String mark = answer.headers().firstValue("x-faultwire-fault").map(name -> " by " + name).orElse("");
        return answer.statusCode() + " " + content(answer.body()) + mark;
    }

    static String content(byte[] body) {
        String text = new String(body, StandardCharsets.ISO_8859_1);
        if (body.length < 80) return text;
        if (text.contains("\"title\"")) return text.replaceAll("(?s).*\"title\": *\"([^\"]*)\".*", "$1");
        boolean asSent = Arrays.equals(body, Arrays.copyOf(PATTERN, Math.min(body.length, PATTERN.length)));
        return body.length + " bytes " + (asSent ? "as sent" : "changed");
    }

    static String kind(Throwable error) {
        StringBuilder said = new StringBuilder();
        Throwable last = error;
        for (; error != null; error = error.getCause()) {
            // The client wraps what came from its own threads in the same kind.
            if (said.length() == 0 || error.getClass() != last.getClass()) {
                said.append(said.length() == 0 ? "" : " of ").append(error.getClass().getSimpleName());
            }
            last = error;
        }
        return said + ": " + String.valueOf(last.getMessage()).replaceAll("[^ -~]", "?");
    }

    public static void main(String[] none) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] words = line.split(" ");
            Map<String, Integer> options = new HashMap<>();
            for (int n = 3; n < words.length; n++) options.put(words[n].split("=")[0], Integer.valueOf(words[n].split("=")[1]));
            long begin = System.nanoTime();
            String told;
            try {
                told = ask(words[0], words[2], options);
            } catch (Exception error) {
                told = kind(error);
            }
            System.out.println((System.nanoTime() - begin) / 1_000_000 + " " + told);
        }
        System.exit(0);
    }
}
