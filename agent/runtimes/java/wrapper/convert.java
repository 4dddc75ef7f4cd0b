package millrace;

import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Instant;
import java.time.temporal.TemporalAccessor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Queue;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;

/** Makes values of declared types from JSON. */
final class Convert {
  private Convert() {}

  static final class Misfit extends Exception {
    Misfit(String message) {
      super(message, null, false, false);
    }
  }

  static Object to(Type type, Object value) throws Misfit {
    Class<?> raw = rawOf(type);
    if (raw == Object.class) return natural(value);
    if (raw == Optional.class) return Optional.ofNullable(value == null ? null : to(argument(type, 0), value));
    if (raw == OptionalInt.class) return value == null ? OptionalInt.empty() : OptionalInt.of((Integer) to(int.class, value));
    if (raw == OptionalLong.class) return value == null ? OptionalLong.empty() : OptionalLong.of((Long) to(long.class, value));
    if (raw == OptionalDouble.class) return value == null ? OptionalDouble.empty() : OptionalDouble.of((Double) to(double.class, value));
    if (value == null) {
      if (raw.isPrimitive()) throw new Misfit("null is no " + raw.getName());
      return null;
    }
    if (value instanceof Json.Digits digits) return number(raw, digits);
    if (value instanceof Boolean && (raw == boolean.class || raw == Boolean.class)) return value;
    if (value instanceof String text) return fromText(raw, text);
    if (value instanceof List<?> items) return fromList(type, raw, items);
    if (value instanceof Map<?, ?> members) return fromMembers(type, raw, members);
    throw misfit(raw, value);
  }

  /** For `Object`: what the text says, without our own classes. */
  private static Object natural(Object value) throws Misfit {
    if (value instanceof Json.Digits digits) return digits.value();
    if (value instanceof List<?> items) {
      List<Object> list = new ArrayList<>(items.size());
      for (Object item : items) list.add(natural(item));
      return list;
    }
    if (value instanceof Map<?, ?> members) {
      Map<String, Object> map = new LinkedHashMap<>();
      for (Map.Entry<?, ?> member : members.entrySet()) map.put(String.valueOf(member.getKey()), natural(member.getValue()));
      return map;
    }
    return value;
  }

  private static Object number(Class<?> raw, Json.Digits digits) throws Misfit {
    String text = digits.text();
    if (raw == BigDecimal.class) return new BigDecimal(text);
    if (raw == double.class || raw == Double.class) return Double.valueOf(text);
    if (raw == float.class || raw == Float.class) return Float.valueOf(text);
    if (raw == Number.class) return digits.value();
    if (!digits.isWhole()) throw misfit(raw, digits);
    BigInteger exact = new BigInteger(text);
    if (raw == BigInteger.class) return exact;
    try {
      if (raw == int.class || raw == Integer.class) return exact.intValueExact();
      if (raw == long.class || raw == Long.class) return exact.longValueExact();
      if (raw == short.class || raw == Short.class) return exact.shortValueExact();
      if (raw == byte.class || raw == Byte.class) return exact.byteValueExact();
    } catch (ArithmeticException error) {
      throw new Misfit(text + " is out of its range");
    }
    throw misfit(raw, digits);
  }

  private static Object fromText(Class<?> raw, String text) throws Misfit {
    if (raw.isAssignableFrom(String.class)) return text;
    try {
      if (raw == char.class || raw == Character.class) {
        if (text.length() == 1) return text.charAt(0);
      } else if (raw.isEnum()) return constant(raw, text);
      else if (raw == BigDecimal.class) return new BigDecimal(text);
      else if (raw == byte[].class) return Base64.getDecoder().decode(text);
      else if (raw == UUID.class) return UUID.fromString(text);
      else if (raw == Date.class) return Date.from(Instant.parse(text));
      else if (TemporalAccessor.class.isAssignableFrom(raw)) return raw.getMethod("parse", CharSequence.class).invoke(null, text);
    } catch (InvocationTargetException error) {
      throw new Misfit(error.getCause().getMessage());
    } catch (ReflectiveOperationException | RuntimeException error) {
      throw new Misfit(String.valueOf(error.getMessage()));
    }
    throw misfit(raw, text);
  }

  private static Object constant(Class<?> raw, String text) throws Misfit {
    for (Object constant : raw.getEnumConstants()) if (((Enum<?>) constant).name().equals(text)) return constant;
    throw new Misfit("\"" + text + "\" is none of its constants");
  }

  private static Object fromList(Type type, Class<?> raw, List<?> items) throws Misfit {
    if (raw.isArray()) {
      Type item = type instanceof GenericArrayType array ? array.getGenericComponentType() : raw.getComponentType();
      Object array = Array.newInstance(raw.getComponentType(), items.size());
      for (int at = 0; at < items.size(); at++) Array.set(array, at, in("[" + at + "]", item, items.get(at)));
      return array;
    }
    Collection<Object> made = collection(raw);
    if (made == null) throw misfit(raw, items);
    Type item = argument(type, 0);
    for (int at = 0; at < items.size(); at++) made.add(in("[" + at + "]", item, items.get(at)));
    return made;
  }

  @SuppressWarnings("unchecked")
  private static Collection<Object> collection(Class<?> raw) {
    if (raw.isAssignableFrom(ArrayList.class)) return new ArrayList<>();
    if (SortedSet.class.isAssignableFrom(raw) && raw.isAssignableFrom(TreeSet.class)) return new TreeSet<>();
    if (Set.class.isAssignableFrom(raw) && raw.isAssignableFrom(LinkedHashSet.class)) return new LinkedHashSet<>();
    if (Queue.class.isAssignableFrom(raw) && raw.isAssignableFrom(ArrayDeque.class)) return new ArrayDeque<>();
    return Collection.class.isAssignableFrom(raw) ? (Collection<Object>) make(raw) : null;
  }

  @SuppressWarnings("unchecked")
  private static Object fromMembers(Type type, Class<?> raw, Map<?, ?> members) throws Misfit {
    if (raw.isRecord()) return record(raw, members);
    Map<Object, Object> map = null;
    if (raw.isAssignableFrom(LinkedHashMap.class)) map = new LinkedHashMap<>();
    else if (raw.isAssignableFrom(TreeMap.class)) map = new TreeMap<>();
    else if (Map.class.isAssignableFrom(raw)) map = (Map<Object, Object>) make(raw);
    if (map == null) return bean(raw, members);
    Type key = argument(type, 0);
    for (Map.Entry<?, ?> member : members.entrySet()) {
      String name = String.valueOf(member.getKey());
      map.put(key(rawOf(key), name), in(name, argument(type, 1), member.getValue()));
    }
    return map;
  }

  private static Object key(Class<?> raw, String name) throws Misfit {
    return Number.class.isAssignableFrom(raw) && name.matches("-?[0-9]{1,30}") ? number(raw, new Json.Digits(name)) : fromText(raw == Object.class ? String.class : raw, name);
  }

  private static Object record(Class<?> raw, Map<?, ?> members) throws Misfit {
    RecordComponent[] components = raw.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    Object[] values = new Object[components.length];
    for (int at = 0; at < components.length; at++) {
      types[at] = components[at].getType();
      values[at] = in(components[at].getName(), components[at].getGenericType(), members.get(components[at].getName()));
    }
    try {
      Constructor<?> constructor = raw.getDeclaredConstructor(types);
      constructor.setAccessible(true);
      return constructor.newInstance(values);
    } catch (InvocationTargetException error) {
      throw new Misfit(String.valueOf(error.getCause()));
    } catch (ReflectiveOperationException | RuntimeException error) {
      throw new Misfit(String.valueOf(error));
    }
  }

  /** A class with a constructor without parameters: its fields are set. */
  private static Object bean(Class<?> raw, Map<?, ?> members) throws Misfit {
    Object made = raw.getClassLoader() == Convert.class.getClassLoader() ? make(raw) : null;
    if (made == null) throw misfit(raw, members);
    for (Class<?> at = raw; at != null && at != Object.class; at = at.getSuperclass()) {
      for (Field field : at.getDeclaredFields()) {
        int modifiers = field.getModifiers();
        if (!members.containsKey(field.getName()) || Modifier.isStatic(modifiers) || Modifier.isTransient(modifiers)) continue;
        Object value = in(field.getName(), field.getGenericType(), members.get(field.getName()));
        try {
          field.setAccessible(true);
          field.set(made, value);
        } catch (ReflectiveOperationException | RuntimeException error) {
          throw new Misfit(String.valueOf(error));
        }
      }
    }
    return made;
  }

  private static Object make(Class<?> raw) {
    try {
      Constructor<?> constructor = raw.getDeclaredConstructor();
      constructor.setAccessible(true);
      return constructor.newInstance();
    } catch (ReflectiveOperationException | RuntimeException error) {
      return null;
    }
  }

  private static Object in(String place, Type type, Object value) throws Misfit {
    try {
      return to(type, value);
    } catch (Misfit misfit) {
      throw new Misfit(place + ": " + misfit.getMessage());
    }
  }

  private static Type argument(Type type, int at) {
    return type instanceof ParameterizedType generic && at < generic.getActualTypeArguments().length ? generic.getActualTypeArguments()[at] : Object.class;
  }

  private static Class<?> rawOf(Type type) {
    if (type instanceof Class<?> raw) return raw;
    if (type instanceof ParameterizedType generic) return rawOf(generic.getRawType());
    if (type instanceof GenericArrayType array) return Array.newInstance(rawOf(array.getGenericComponentType()), 0).getClass();
    if (type instanceof WildcardType wildcard) return rawOf(wildcard.getUpperBounds()[0]);
    return Object.class;
  }

  private static Misfit misfit(Class<?> raw, Object value) {
    String found = value instanceof Json.Digits digits ? digits.text() : value instanceof String ? "a string" : value instanceof List ? "a list" : value instanceof Map ? "an object" : String.valueOf(value);
    return new Misfit(found + " is no " + raw.getSimpleName());
  }
}
