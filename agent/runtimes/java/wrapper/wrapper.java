package millrace;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Around a Java script. A constant: what comes from the tenant is the program's jar and the files beside it.
 *
 * Reads args.json, calls main with its arguments by name, writes one record to fd 5:
 * R + JSON (result), E + JSON (exception), I + JSON (the result is not JSON).
 */
final class Wrapper {
  private static final int RECORD_FD = 5;
  private static final int MAX_TEXT = 16_000;
  private static final int MAX_CAUSES = 5;

  private Wrapper() {}

  public static void main(String[] arguments) throws Exception {
    int code;
    try {
      Method main = mainOf(mainClass());
      Object result = main.invoke(null, bind(main, readArgs(arguments[0])));
      code = report(result);
    } catch (Fault fault) {
      code = fail(fault.name, fault.getMessage(), "", "");
    } catch (InvocationTargetException thrown) {
      code = report(thrown.getCause());
    } catch (ExceptionInInitializerError thrown) {
      code = report(thrown.getCause() == null ? thrown : thrown.getCause());
    } catch (Throwable thrown) {
      code = report(thrown);
    }
    // Threads that the script has left do not keep the job.
    System.exit(code);
  }

  /** The arguments do not fit main; reported without a stack, since no line of the script is to blame. */
  static final class Fault extends Exception {
    final String name;

    Fault(String name, String message) {
      super(message, null, false, false);
      this.name = name;
    }
  }

  private static Class<?> mainClass() throws IOException, ClassNotFoundException {
    try {
      return Class.forName("Main");
    } catch (ClassNotFoundException inPackage) {
      try (InputStream in = Wrapper.class.getResourceAsStream("/millrace-main")) {
        if (in == null) throw inPackage;
        return Class.forName(new String(in.readAllBytes(), StandardCharsets.UTF_8));
      }
    }
  }

  /** A program's own `main(String[])` may stand beside the one with the arguments of a job. */
  private static Method mainOf(Class<?> type) throws Fault {
    Method found = null;
    for (Method method : type.getDeclaredMethods()) {
      if (!method.getName().equals("main") || !Modifier.isStatic(method.getModifiers()) || method.isSynthetic()) continue;
      boolean commandLine = method.getParameterCount() == 1 && method.getParameterTypes()[0] == String[].class;
      if (found == null || !commandLine) found = method;
    }
    if (found == null) throw new Fault("NoMain", "the class Main has no static method `main`");
    found.setAccessible(true);
    return found;
  }

  private static Map<?, ?> readArgs(String path) throws Exception {
    Object args;
    // The newer way to read a file loads 40 classes more.
    try (InputStream in = new FileInputStream(path)) {
      args = Json.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
    if (args instanceof Map<?, ?> map) return map;
    throw new Fault("InvalidArgument", "the arguments are not a JSON object");
  }

  private static Object[] bind(Method main, Map<?, ?> args) throws Fault {
    Map<String, Object> unknown = new LinkedHashMap<>();
    for (Map.Entry<?, ?> given : args.entrySet()) unknown.put(String.valueOf(given.getKey()), given.getValue());
    Parameter[] parameters = main.getParameters();
    Object[] values = new Object[parameters.length];
    StringBuilder names = new StringBuilder();
    for (int at = 0; at < parameters.length; at++) {
      Parameter parameter = parameters[at];
      String name = parameter.getName();
      names.append(at == 0 ? "" : ", ").append(name);
      if (!unknown.containsKey(name) && parameter.getType().isPrimitive()) {
        throw new Fault("MissingArgument", "main needs the argument `" + name + "`, which was not given");
      }
      try {
        Object given = unknown.remove(name);
        boolean nothing = given == null && parameter.isVarArgs();
        values[at] = nothing ? java.lang.reflect.Array.newInstance(parameter.getType().getComponentType(), 0) : Convert.to(parameter.getParameterizedType(), given);
      } catch (Convert.Misfit misfit) {
        throw new Fault("InvalidArgument", clip("the argument `" + name + "` does not fit the type " + parameter.getParameterizedType().getTypeName() + ": " + misfit.getMessage()));
      }
    }
    if (!unknown.isEmpty()) {
      throw new Fault("UnknownArgument", "main takes no argument `" + unknown.keySet().iterator().next() + "`; it takes: " + (names.length() == 0 ? "none" : names));
    }
    return values;
  }

  private static int report(Object result) {
    StringBuilder text = new StringBuilder();
    Json.Unfit unfit;
    try {
      unfit = Json.write(result, text);
    } catch (RuntimeException | StackOverflowError error) {
      unfit = new Json.Unfit("$", error.toString());
    }
    if (unfit == null) {
      write('R', text.toString());
      return 0;
    }
    Map<String, String> record = new LinkedHashMap<>();
    record.put("path", unfit.path());
    record.put("message", clip(unfit.message()));
    write('I', Json.text(record));
    return 1;
  }

  private static int report(Throwable thrown) {
    String name = thrown.getClass().getSimpleName();
    String message = thrown.getMessage();
    boolean full = message != null && message.contains("No space left on device");
    return fail(name.isEmpty() ? thrown.getClass().getName() : name, message == null ? "" : message, stackOf(thrown), full ? "ENOSPC" : "");
  }

  private static int fail(String name, String message, String stack, String code) {
    Map<String, String> record = new LinkedHashMap<>();
    record.put("name", name);
    record.put("message", clip(message));
    record.put("stack", clip(stack));
    record.put("code", code);
    write('E', Json.text(record));
    return 1;
  }

  /** As Java prints it, without the frames that called main. */
  private static String stackOf(Throwable thrown) {
    StringBuilder text = new StringBuilder();
    int left = MAX_CAUSES;
    for (Throwable at = thrown; at != null && left > 0; at = at.getCause(), left--) {
      text.append(at == thrown ? "" : "Caused by: ").append(at).append('\n');
      for (StackTraceElement frame : at.getStackTrace()) {
        if (isOurs(frame.getClassName())) break;
        text.append("\tat ").append(frame).append('\n');
      }
    }
    return text.toString();
  }

  private static boolean isOurs(String type) {
    return type.startsWith("millrace.") || type.startsWith("jdk.internal.reflect.") || type.startsWith("java.lang.reflect.Method");
  }

  private static String clip(String text) {
    if (text.length() <= MAX_TEXT) return text;
    return text.substring(0, MAX_TEXT / 2) + "\n…\n" + text.substring(text.length() - MAX_TEXT / 2);
  }

  private static void write(char kind, String text) {
    byte[] data = (kind + text).getBytes(StandardCharsets.UTF_8);
    try (FileOutputStream out = new FileOutputStream(descriptor())) {
      out.write(data);
    } catch (IOException | ReflectiveOperationException error) {
      System.err.println("the result could not be handed over: " + error);
    }
  }

  /** Java opens files by name only, and this one has none. From version 24 on the first way is opened on the command line; before, the second is quicker. */
  private static FileDescriptor descriptor() throws ReflectiveOperationException {
    FileDescriptor descriptor = new FileDescriptor();
    var field = FileDescriptor.class.getDeclaredField("fd");
    try {
      field.setAccessible(true);
      field.setInt(descriptor, RECORD_FD);
    } catch (RuntimeException closed) {
      var own = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
      own.setAccessible(true);
      var unsafe = (sun.misc.Unsafe) own.get(null);
      unsafe.putInt(descriptor, unsafe.objectFieldOffset(field), RECORD_FD);
    }
    return descriptor;
  }
}
