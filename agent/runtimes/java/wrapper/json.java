package millrace;

import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.UUID;

/** JSON text. What is read was checked by the agent before, so broken text only needs to end, not to be explained. */
final class Json {
  private static final int MAX_DEPTH = 128;

  private Json() {}

  /** A number as it was written. */
  record Digits(String text) {
    boolean isWhole() {
      return text.indexOf('.') < 0 && text.indexOf('e') < 0 && text.indexOf('E') < 0;
    }

    /** The smallest type that holds it. */
    Object value() {
      if (!isWhole()) return Double.valueOf(text);
      if (text.length() < 10) return Integer.valueOf(text);
      BigInteger exact = new BigInteger(text);
      if (exact.bitLength() < 32) return exact.intValue();
      return exact.bitLength() < 64 ? (Object) exact.longValue() : exact;
    }
  }

  /** Where a value stands that JSON cannot hold, and why. */
  record Unfit(String path, String message) {}

  /** Maps, lists, strings, booleans, null and {@link Digits}. */
  static Object parse(String text) {
    return new Reader(text).value();
  }

  /** @return null when all of it was written */
  static Unfit write(Object value, StringBuilder out) {
    return new Writer(out).write(value, 0);
  }

  static String text(Map<String, String> members) {
    StringBuilder out = new StringBuilder();
    write(members, out);
    return out.toString();
  }

  private static final class Reader {
    private final String text;
    private int at;

    Reader(String text) {
      this.text = text;
    }

    private char peek() {
      while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
      return at < text.length() ? text.charAt(at) : '\0';
    }

    Object value() {
      char first = peek();
      switch (first) {
        case '{':
          return object();
        case '[':
          return list();
        case '"':
          return string();
        case 't':
          at += 4;
          return true;
        case 'f':
          at += 5;
          return false;
        case 'n':
          at += 4;
          return null;
        default:
          int from = at;
          while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) at++;
          if (from == at) throw new IllegalArgumentException("broken JSON");
          return new Digits(text.substring(from, at));
      }
    }

    private Map<String, Object> object() {
      Map<String, Object> members = new LinkedHashMap<>();
      at++;
      for (char next = peek(); next != '}' && next != '\0'; next = peek()) {
        if (next == ',') {
          at++;
          continue;
        }
        String name = string();
        peek();
        at++;
        members.put(name, value());
      }
      at++;
      return members;
    }

    private List<Object> list() {
      List<Object> items = new ArrayList<>();
      at++;
      for (char next = peek(); next != ']' && next != '\0'; next = peek()) {
        if (next == ',') at++;
        else items.add(value());
      }
      at++;
      return items;
    }

    private String string() {
      StringBuilder value = new StringBuilder();
      for (at++; at < text.length() && text.charAt(at) != '"'; at++) {
        char next = text.charAt(at);
        if (next != '\\') {
          value.append(next);
          continue;
        }
        at++;
        char kind = text.charAt(at);
        int plain = "bfnrt".indexOf(kind);
        if (plain >= 0) value.append("\b\f\n\r\t".charAt(plain));
        else if (kind != 'u') value.append(kind);
        else {
          value.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
          at += 4;
        }
      }
      at++;
      return value.toString();
    }
  }

  private static final class Writer {
    private final StringBuilder out;
    private final StringBuilder path = new StringBuilder("$");

    Writer(StringBuilder out) {
      this.out = out;
    }

    Unfit write(Object value, int depth) {
      if (depth > MAX_DEPTH) return unfit("nested deeper than " + MAX_DEPTH + " levels");
      if (value == null) out.append("null");
      else if (value instanceof CharSequence || value instanceof Character) quote(value.toString());
      else if (value instanceof Boolean) out.append(value);
      else if (value instanceof Digits digits) out.append(digits.text());
      else if (value instanceof Number number) return writeNumber(number);
      else if (value instanceof Map<?, ?> map) return writeMap(map, depth);
      else if (value instanceof Iterable<?> items) return writeList(items, depth);
      else if (value instanceof byte[] bytes) quote(Base64.getEncoder().encodeToString(bytes));
      else if (value.getClass().isArray()) return writeArray(value, depth);
      else if (value instanceof Enum<?> constant) quote(constant.name());
      else if (value instanceof TemporalAccessor || value instanceof UUID) quote(value.toString());
      else if (value instanceof Date date) quote(date.toInstant().toString());
      else if (value instanceof Optional<?> optional) return write(optional.orElse(null), depth);
      else if (value instanceof OptionalInt optional) out.append(optional.isPresent() ? String.valueOf(optional.getAsInt()) : "null");
      else if (value instanceof OptionalLong optional) out.append(optional.isPresent() ? String.valueOf(optional.getAsLong()) : "null");
      else if (value instanceof OptionalDouble optional) return write(optional.isPresent() ? optional.getAsDouble() : null, depth);
      else return writeObject(value, depth);
      return null;
    }

    private Unfit unfit(String message) {
      return new Unfit(path.toString(), message);
    }

    private Unfit writeNumber(Number number) {
      if (number instanceof Double || number instanceof Float) {
        if (!Double.isFinite(number.doubleValue())) return unfit(number + " is not a JSON number");
      } else if (!(number instanceof BigDecimal || number instanceof BigInteger || number instanceof Integer || number instanceof Long || number instanceof Short || number instanceof Byte)) {
        out.append(new BigDecimal(number.toString()));
        return null;
      }
      out.append(number);
      return null;
    }

    private Unfit writeMap(Map<?, ?> map, int depth) {
      out.append('{');
      boolean first = true;
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!first) out.append(',');
        first = false;
        String key = entry.getKey() instanceof Enum<?> constant ? constant.name() : String.valueOf(entry.getKey());
        quote(key);
        out.append(':');
        Unfit unfit = step("." + key, entry.getValue(), depth);
        if (unfit != null) return unfit;
      }
      out.append('}');
      return null;
    }

    private Unfit writeList(Iterable<?> items, int depth) {
      out.append('[');
      int at = 0;
      for (Object item : items) {
        if (at > 0) out.append(',');
        Unfit unfit = step("[" + at++ + "]", item, depth);
        if (unfit != null) return unfit;
      }
      out.append(']');
      return null;
    }

    private Unfit writeArray(Object array, int depth) {
      List<Object> items = new ArrayList<>();
      for (int at = 0; at < Array.getLength(array); at++) items.add(Array.get(array, at));
      return writeList(items, depth);
    }

    private Unfit step(String name, Object value, int depth) {
      int length = path.length();
      path.append(name);
      Unfit unfit = write(value, depth + 1);
      path.setLength(length);
      return unfit;
    }

    /** Records by their components, other classes of the script by getters and public fields. */
    private Unfit writeObject(Object value, int depth) {
      Class<?> type = value.getClass();
      Map<String, Object> members = new LinkedHashMap<>();
      try {
        if (type.isRecord()) {
          for (RecordComponent component : type.getRecordComponents()) members.put(component.getName(), call(component.getAccessor(), value));
        } else if (type.getClassLoader() == Json.class.getClassLoader()) {
          readBean(type, value, members);
          if (members.isEmpty()) return unfit("a value of type " + type.getSimpleName() + " is not JSON: it has neither getters nor public fields");
        } else return unfit("a value of type " + type.getName() + " is not JSON");
      } catch (ReflectiveOperationException error) {
        Throwable cause = error instanceof InvocationTargetException thrown ? thrown.getCause() : error;
        return unfit(cause.toString());
      }
      return writeMap(members, depth);
    }

    private static void readBean(Class<?> type, Object value, Map<String, Object> members) throws ReflectiveOperationException {
      for (Field field : type.getFields()) {
        if (Modifier.isStatic(field.getModifiers())) continue;
        field.setAccessible(true);
        members.put(field.getName(), field.get(value));
      }
      // The virtual machine lists methods in no order.
      Map<String, Method> getters = new TreeMap<>();
      for (Method method : type.getMethods()) {
        String name = method.getName();
        boolean is = name.length() > 2 && name.startsWith("is") && method.getReturnType() == boolean.class;
        boolean get = name.length() > 3 && name.startsWith("get") && method.getReturnType() != void.class;
        if (!(is || get) || method.getParameterCount() > 0 || Modifier.isStatic(method.getModifiers()) || method.getDeclaringClass() == Object.class) continue;
        String property = name.substring(is ? 2 : 3);
        getters.put(Character.toLowerCase(property.charAt(0)) + property.substring(1), method);
      }
      for (Map.Entry<String, Method> getter : getters.entrySet()) members.put(getter.getKey(), call(getter.getValue(), value));
    }

    private static Object call(Method method, Object value) throws ReflectiveOperationException {
      method.setAccessible(true);
      return method.invoke(value);
    }

    private void quote(String text) {
      out.append('"');
      for (int at = 0; at < text.length(); at++) {
        char next = text.charAt(at);
        boolean paired = Character.isHighSurrogate(next) && at + 1 < text.length() && Character.isLowSurrogate(text.charAt(at + 1));
        if (paired) out.append(next).append(text.charAt(++at));
        else if (next == '"' || next == '\\') out.append('\\').append(next);
        // Half of a pair: only an escape can carry it.
        else if (next < 0x20 || Character.isSurrogate(next)) out.append(String.format("\\u%04x", (int) next));
        else out.append(next);
      }
      out.append('"');
    }
  }
}
